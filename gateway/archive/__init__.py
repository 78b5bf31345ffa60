"""Originals and results of answered requests, with who asked what of which model; off unless configured.

Everything of a tenant lies below a folder of its own, named by a hash, on the disk or in a bucket:

| path | holds |
|---|---|
| `originals/aa/SHA256` | the bytes of a picture, clip or document, once however often it was sent |
| `results/aa/SHA256.json` | a question as the model saw it and its answer; the name is the content's digest |
| `records/DAY/ID.jsonl` | a line for each request: its lineage, and the digests of what it asked and got |
| `reviews/SHA256.json` | what a person thought of a result |
| `deleted` | until when all of the tenant was to be forgotten |

Tenants share no object: deleting one leaves nothing of it and takes nothing of another's, and whether
something is stored already tells nobody what others have sent.
"""
