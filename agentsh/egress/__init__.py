"""Requests to the network, made by the host: the only way out for an action. to what was decided about."""

from agentsh.egress.addresses import why_not
from agentsh.egress.client import Answer, Client
from agentsh.egress.headers import check_headers
from agentsh.egress.resolve import Resolver, system_resolver

__all__ = ["Answer", "Client", "Resolver", "check_headers", "system_resolver", "why_not"]
