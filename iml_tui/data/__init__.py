"""The data sets of the experiments: the embedded European cities and folders of CSV files. numpy only, no torch."""
