"""The library's rules: allowed values, names of files, searches, exports and imports."""
