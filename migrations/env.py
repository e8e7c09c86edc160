"""Run the migrations on the connection that `runstone.core.migrate` hands over. One tree for both databases."""

from __future__ import annotations

import importlib

from alembic import context

from runstone.core.migrate import TABLE_MODULES
from runstone.core.tables import metadata

for module in TABLE_MODULES:
    importlib.import_module(module)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
