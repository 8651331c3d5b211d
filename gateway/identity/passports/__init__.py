"""GA4GH Passports 1.2: visas that the gateway issues, and visas of others that it believes."""
