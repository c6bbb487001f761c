"""Safe files: opening, publishing, mounts, errors and names; nothing of photos."""
