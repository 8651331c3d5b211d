"""The words of the policy: every state, purpose and use that a rule may speak of."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What a person wants to do. The same names are the actions of the Cedar schema."""

    APPLY = "apply"
    DOWNLOAD = "download"
    PACKAGE = "package"
    SUBMIT_RESULT = "submit_result"
    FETCH_EXPORT = "fetch_export"
    READ_IN_ZONE = "read_in_zone"
    IMPORT_TO_ZONE = "import_to_zone"
    WORK_TASK = "work_task"
    DECIDE_APPLICATION = "decide_application"
    DECIDE_EXPORT = "decide_export"


class Sensitivity(StrEnum):
    """How much harm a leak would do: open < restricted < sensitive (health) < critical (faces)."""

    OPEN = "open"
    RESTRICTED = "restricted"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"


class Delivery(StrEnum):
    """Whether files may leave (download) or are only worked on inside a zone."""

    DOWNLOAD = "download"
    SAFE_ZONE = "safe_zone"


class Modality(StrEnum):
    """What the items of a dataset are."""

    TEXT = "text"
    SPEECH = "speech"
    IMAGE = "image"
    VIDEO = "video"
    MEDICAL_IMAGE = "medical_image"
    TABLE = "table"


class Content(StrEnum):
    """What a dataset shows, where rules of its own apply; everything else is ``general``."""

    GENERAL = "general"
    INTERVIEW = "interview"
    DRIVING = "driving"
    HEALTH = "health"
    FACE = "face"
    DEEPFAKE = "deepfake"
    DISABILITY = "disability"


class Purpose(StrEnum):
    """What a grant is for. Commercial development counts as scientific research (PIPA 28-2)."""

    ACADEMIC_RESEARCH = "academic_research"
    COMMERCIAL_DEVELOPMENT = "commercial_development"
    STATISTICS = "statistics"
    PUBLIC_INTEREST_ARCHIVING = "public_interest_archiving"
    EDUCATION = "education"
    PUBLIC_SERVICE = "public_service"
    DEEPFAKE_DETECTION = "deepfake_detection"


class Use(StrEnum):
    """What the holder said they will do with the data; each declared in the application."""

    MODEL_TRAINING = "model_training"
    EVALUATION = "evaluation"
    ANALYSIS = "analysis"
    SHOWING_SAMPLES = "showing_samples"
    THIRD_PARTY_PROCESSING = "third_party_processing"
    OVERSEAS_TRANSFER = "overseas_transfer"
    VOICE_CLONING = "voice_cloning"
    SPEAKER_IDENTIFICATION = "speaker_identification"
    APPLICANT_ASSESSMENT = "applicant_assessment"
    REIDENTIFICATION = "reidentification"
    PLATE_OR_FACE_LINKAGE = "plate_or_face_linkage"
    BIOMETRIC_IDENTIFICATION = "biometric_identification"
    DEEPFAKE_GENERATION = "deepfake_generation"


class Approval(StrEnum):
    """Approvals beyond the grant, each checked by a steward and valid now."""

    SEPARATE_AGREEMENT = "separate_agreement"
    OVERSEAS_TRANSFER = "overseas_transfer"
    THIRD_PARTY_PROCESSING = "third_party_processing"
    REGULATORY_SANDBOX = "regulatory_sandbox"


class Condition(StrEnum):
    """Whether an agreement allows something, only after approval, or never."""

    ALLOWED = "allowed"
    WITH_CONSENT = "with_consent"
    FORBIDDEN = "forbidden"


class Match(StrEnum):
    """How the declared purpose fits the dataset's data use terms (GA4GH DUO)."""

    APPROVE = "approve"
    DENY = "deny"
    ABSTAIN = "abstain"


class PrincipalKind(StrEnum):
    """A person, or a machine client that acts for an organisation under a responsible person."""

    PERSON = "person"
    MACHINE = "machine"


class ZoneSession(StrEnum):
    """The person's session in the safe zone that holds the dataset."""

    NONE = "none"
    OPEN = "open"
    OVER = "over"


class ImportState(StrEnum):
    """What somebody wants to bring into a safe zone."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"


class VersionState(StrEnum):
    """Life of a dataset version."""

    DRAFT = "draft"
    SCANNING = "scanning"
    HELD = "held"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class ScanState(StrEnum):
    """Whether the last scan covers this version with the ruleset in force."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"


class AcceptanceState(StrEnum):
    """The person's own acceptance of the dataset's agreement."""

    NONE = "none"
    LIVE = "live"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class GrantState(StrEnum):
    """The recorded state of the grant; the rules check its window against the clock as well."""

    NONE = "none"
    PENDING = "pending"
    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"


class EvidenceState(StrEnum):
    """A piece of evidence such as an IRB approval or a training certificate."""

    MISSING = "missing"
    VALID = "valid"
    EXPIRED = "expired"


class ExportState(StrEnum):
    """Life of an export."""

    SUBMITTED = "submitted"
    SCANNING = "scanning"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"
