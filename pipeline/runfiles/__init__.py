"""Files of other evaluation programs: runs as TREC, TRECVID's XML and CSV, and judgements (qrels), read and written."""
