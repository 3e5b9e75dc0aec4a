.PHONY: bench bench-ping bench-audit bench-delivery bench-dashboard bench-probes \
	bench-charts bench-processes bench-status

bench: ## Run all benchmarks at moderate sizes (twenty minutes)
	@$(MAKE) --no-print-directory --keep-going SIZE=100000 ROUNDS=1 \
		bench-ping bench-audit bench-delivery bench-dashboard bench-probes bench-charts bench-processes bench-status

bench-ping: setup-dev ## Measure pings beside a plain Flask view and the front door's own ceiling
	@$(BIN)/python -m benchmarks.bench_ping $(ARGS)

bench-audit: setup-dev ## Measure audits of a million heartbeats (SIZE=100000: fewer) beside a loop
	@$(BIN)/python -m benchmarks.bench_audit $(if $(SIZE),--size $(SIZE)) $(ARGS)

bench-delivery: setup-dev ## Measure how soon alerts come, beside bare posts to the same receiver
	@$(BIN)/python -m benchmarks.bench_delivery $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

bench-dashboard: setup-dev ## Measure pages beside a hello world of the same server
	@$(BIN)/python -m benchmarks.bench_dashboard $(ARGS)

bench-probes: setup-dev ## Measure 10,000 services every 10 s, beside looks that nobody records
	@$(BIN)/python -m benchmarks.bench_probes $(ARGS)

bench-charts: setup-dev ## Measure the charts of a month, and how quickly results are summed up
	@$(BIN)/python -m benchmarks.bench_charts $(if $(SERVICES),--size $(SERVICES)) $(ARGS)

bench-processes: setup-dev ## Measure heartbeats of 10,000 processes beside pings
	@$(BIN)/python -m benchmarks.bench_processes $(ARGS)

bench-status: setup-dev ## Measure a status page that a crowd opens, beside a hello world of the same server
	@$(BIN)/python -m benchmarks.bench_status $(ARGS)
