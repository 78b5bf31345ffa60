"""Requests that are answered later, and survive whatever happens until then.

The state store holds all of it, below `{jobs}:`. Every change of a job's status is one Lua script,
so that no crash leaves one half done:

| key | holds |
|---|---|
| `job:ID` | a hash: the request, its status, its result |
| `queue` | a stream, read by the consumer group `workers`; one entry for each job that may run now |
| `waiting:TENANT` | a list of those behind the tenant's window of the queue |
| `open:TENANT` | the set of the tenant's jobs inside the window |
| `delayed`, `hooks`, `dead` | sorted sets by time: to be tried again, webhooks to call, failed |
| `unfinished`, `finished` | hashes of numbers: open jobs by tenant, and all that ever ended by how |
| `all`, `of:TENANT` | sorted sets by age, to list them |
| `blob:TENANT:SHA256` | a long string of requests (a picture, mostly), once for all that use it |

A worker holds a job by a token of its own. What it reports counts only while the token is still the
job's: a worker that was thought dead and comes back changes nothing.
"""
