"""The models as the pages offer them."""
