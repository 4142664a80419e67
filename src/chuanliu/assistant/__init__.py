"""The bill assistant: what a consumer asks about her bills is answered from her own data."""
