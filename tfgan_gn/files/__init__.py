"""Files on disk: written whole, fetched, hashed."""
