"""What the row `originals` is made of: pictures, writers, places, and what must be true after."""
