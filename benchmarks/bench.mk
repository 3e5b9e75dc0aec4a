.PHONY: bench bench-ping

bench: bench-ping ## Run all benchmarks

bench-ping: setup-dev ## Measure pings beside a plain Flask view and the front door's own ceiling
	@$(BIN)/python -m benchmarks.bench_ping $(ARGS)
