"""OpenAI's batches: a file of requests in, a file of answers out. Each line is a job.

A batch is worked on by one process at a time, which holds a lease on it: it checks the file, submits its
lines a few at a time, and writes the results when all lines are finished. Every step can be
taken again by another process where the first one died: a line's job has the line's number in its id.
"""
