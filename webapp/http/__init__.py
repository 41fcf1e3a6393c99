"""HTTP plumbing that the JSON API and the pages share; knows neither of them."""
