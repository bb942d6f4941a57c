mod ingest;
mod knowledge_search;
mod scratch;
