"""The data sets that can be prepared, one file each; a file more is a data set more."""
