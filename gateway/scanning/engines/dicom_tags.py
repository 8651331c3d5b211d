"""Tags of PS3.15 annex E, table E.1-1 (subset), by what the profile does with them."""

from __future__ import annotations

# Names a person, a place of care, a device or an occasion: an identifier when it holds a value.
IDENTIFYING = frozenset(
    {
        0x00080050,  # Accession Number
        0x00080080,  # Institution Name
        0x00080081,  # Institution Address
        0x00080090,  # Referring Physician's Name
        0x00080092,  # Referring Physician's Address
        0x00080094,  # Referring Physician's Telephone Numbers
        0x00081010,  # Station Name
        0x00081040,  # Institutional Department Name
        0x00081048,  # Physician(s) of Record
        0x00081050,  # Performing Physician's Name
        0x00081060,  # Name of Physician(s) Reading Study
        0x00081070,  # Operators' Name
        0x00100010,  # Patient's Name
        0x00100020,  # Patient ID
        0x00100021,  # Issuer of Patient ID
        0x00100030,  # Patient's Birth Date
        0x00100032,  # Patient's Birth Time
        0x00100050,  # Patient's Insurance Plan Code Sequence
        0x00101000,  # Other Patient IDs
        0x00101001,  # Other Patient Names
        0x00101005,  # Patient's Birth Name
        0x00101040,  # Patient's Address
        0x00101060,  # Patient's Mother's Birth Name
        0x00101080,  # Military Rank
        0x00101081,  # Branch of Service
        0x00101090,  # Medical Record Locator
        0x00102150,  # Country of Residence
        0x00102152,  # Region of Residence
        0x00102154,  # Patient's Telephone Numbers
        0x00102155,  # Patient's Telecom Information
        0x00102180,  # Occupation
        0x00102297,  # Responsible Person
        0x00102299,  # Responsible Organization
        0x00181000,  # Device Serial Number
        0x00181004,  # Plate ID
        0x00181008,  # Gantry ID
        0x00200010,  # Study ID
        0x00321032,  # Requesting Physician
        0x00321033,  # Requesting Service
        0x00380010,  # Admission ID
        0x00380300,  # Current Patient Location
        0x00380400,  # Patient's Institution Residence
        0x00400006,  # Scheduled Performing Physician's Name
        0x00400241,  # Performed Station AE Title
        0x00400242,  # Performed Station Name
        0x00400243,  # Performed Location
        0x00401001,  # Requested Procedure ID
        0x00402008,  # Order Entered By
        0x00402009,  # Order Enterer's Location
        0x00402010,  # Order Callback Phone Number
        0x00402016,  # Placer Order Number
        0x00402017,  # Filler Order Number
        0x0040A075,  # Verifying Observer Name
        0x0040A123,  # Person Name
        0x00700084,  # Content Creator's Name
        0x300E0008,  # Reviewer Name
    }
)

# Type 1 or 2 in common objects: emptied, so that the object stays readable.
EMPTY = frozenset({0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100030, 0x00200010})

# Free text and identifiers that the profile removes.
REMOVE = (IDENTIFYING - EMPTY) | frozenset(
    {
        0x00081030,  # Study Description
        0x0008103E,  # Series Description
        0x00081080,  # Admitting Diagnoses Description
        0x00082111,  # Derivation Description
        0x00084000,  # Identifying Comments
        0x00101002,  # Other Patient IDs Sequence
        0x001021B0,  # Additional Patient History
        0x00104000,  # Patient Comments
        0x00181030,  # Protocol Name
        0x00184000,  # Acquisition Comments
        0x00204000,  # Image Comments
        0x00321030,  # Reason for Study
        0x00321060,  # Requested Procedure Description
        0x00324000,  # Study Comments
        0x00400254,  # Performed Procedure Step Description
        0x00400275,  # Request Attributes Sequence
        0x00400280,  # Comments on the Performed Procedure Step
        0x00402400,  # Imaging Service Request Comments
        0x40000010,  # Arbitrary
        0x40004000,  # Text Comments
        0xFFFCFFFC,  # Data Set Trailing Padding
    }
)
