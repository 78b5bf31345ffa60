"""The page at `/`: what it is made of, what it must know, and what it shows of the server."""
