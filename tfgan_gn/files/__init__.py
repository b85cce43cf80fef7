"""Files on disk: writing them whole, downloading, hashing, and the cache folder."""
