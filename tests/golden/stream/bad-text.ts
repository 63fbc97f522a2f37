The magic of a stream is not the beginning of any text in UTF-8.
