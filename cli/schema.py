"""`sijil schema`: the API's schema."""

import typer

from schema import export

app = typer.Typer()


@app.command(epilog="Example: sijil schema > schema.graphql")
def schema() -> None:
    """Print the GraphQL schema."""
    typer.echo(export(), nl=False)
