"""The process of a lane: it touches shares and pictures, and is confined."""
