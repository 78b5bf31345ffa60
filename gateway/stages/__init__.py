"""The policies of the onion, one file each; `gateway/pipeline.py` puts them in order."""
