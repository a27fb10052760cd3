"""Class paths that catalogs written for the peer name."""
