"""Measures that are estimated from a sample of judgements: TRECVID's infAP and infNDCG, and trec_eval's infAP."""
