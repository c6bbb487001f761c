"""What systemd and nobgd say to each other: notifications and the drop-in."""
