"""That nobody alters a record unseen: canonical JSON, a chained log, a manifest of every part, signatures. It knows files, not studies."""
