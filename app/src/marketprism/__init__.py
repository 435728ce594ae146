"""MarketPrism: exact crypto market data from the exchange's socket to your own ClickHouse."""
