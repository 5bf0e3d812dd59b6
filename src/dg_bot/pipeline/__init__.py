"""The four stages, the order protocol that they share, and the guard between cycles."""
