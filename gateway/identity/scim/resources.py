"""What `/scim/v2` speaks of: the few attributes that are kept, and what the server can do.

Attributes that are not listed here are ignored on the way in (RFC 7643 §1: a provider need not
support each), so that directories which send all they know need no adjustment.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Meta,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

PREFIX = "/scim/v2"
MEDIA_TYPE = "application/scim+json"
MOST_LISTED = 200
POLICY = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)


class Email(ComplexAttribute):
    """One of a user's addresses; the primary one, or else the first, gets the invitation."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[Any]):
    """A member of the organisation, or somebody invited to be one."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server, CaseExact.false] = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None


class GroupMember(ComplexAttribute):
    """A user's place in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Group(Resource[Any]):
    """A group of the directory; it gives no rights here."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None


MODELS: dict[str, type[Resource[Any]]] = {"Users": User, "Groups": Group}


def config(base: str) -> ServiceProviderConfig:
    """What this server supports (RFC 7643 §5)."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_LISTED),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Provisioning token",
                description="A bearer token that a manager makes on the organisation's page.",
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
    )


def resource_types(base: str) -> list[ResourceType]:
    """User and Group (RFC 7643 §6)."""
    found = [ResourceType.from_resource(model) for model in MODELS.values()]
    for each in found:
        each.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/{each.id}")
    return found


def schemas(base: str) -> list[Schema]:
    """The attributes of both (RFC 7643 §7)."""
    found = [model.to_schema() for model in MODELS.values()]
    for each in found:
        each.meta = Meta(resource_type="Schema", location=f"{base}/Schemas/{each.id}")
    return found
