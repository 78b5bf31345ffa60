"""Wire formats: siblings over the same call and events, one file each."""
