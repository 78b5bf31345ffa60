"""A lean HTTP/1.1 client for one server: engines ask through it, and so does the load driver."""
