"""Sample deliveries: a country in small, with the dirt of real ones."""
