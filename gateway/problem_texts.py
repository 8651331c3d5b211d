"""What each refusal says: its status, its title, and what would make it a yes; ko and en."""

from __future__ import annotations

from http import HTTPStatus as S

from gateway.problem_codes import ProblemCode, ProblemText

PROBLEMS: dict[ProblemCode, ProblemText] = {
    ProblemCode.BAD_REQUEST: ProblemText(
        S.BAD_REQUEST,
        "요청을 읽을 수 없습니다",
        "The request could not be read",
        "요청 형식을 문서와 비교해 주십시오.",
        "Compare the request with the API documentation.",
    ),
    ProblemCode.VALIDATION_FAILED: ProblemText(
        S.UNPROCESSABLE_ENTITY,
        "입력 내용을 확인해 주십시오",
        "Some fields need attention",
        "표시된 항목을 고친 뒤 다시 보내 주십시오.",
        "Correct the fields named here and send again.",
    ),
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: ProblemText(
        S.UNSUPPORTED_MEDIA_TYPE,
        "지원하지 않는 형식입니다",
        "This content type is not accepted",
        "application/json 형식으로 보내 주십시오.",
        "Send application/json.",
    ),
    ProblemCode.TOO_LARGE: ProblemText(
        S.REQUEST_ENTITY_TOO_LARGE,
        "요청이 너무 큽니다",
        "The request is too large",
        "더 작게 나누어 보내 주십시오.",
        "Send it in smaller parts.",
    ),
    ProblemCode.NOT_SIGNED_IN: ProblemText(
        S.UNAUTHORIZED,
        "로그인이 필요합니다",
        "Please sign in",
        "로그인한 뒤 다시 시도해 주십시오.",
        "Sign in, then try again.",
    ),
    ProblemCode.SIGN_IN_FAILED: ProblemText(
        S.UNAUTHORIZED,
        "로그인하지 못했습니다",
        "Sign-in failed",
        "아이디와 비밀번호를 확인해 주십시오.",
        "Check the account name and the password.",
    ),
    ProblemCode.SECOND_FACTOR_REQUIRED: ProblemText(
        S.UNAUTHORIZED,
        "2단계 인증이 필요합니다",
        "A second factor is needed",
        "인증 앱의 일회용 비밀번호나 복구 코드를 code 항목에 넣어 다시 보내 주십시오.",
        "Send again with `code`: a one-time password of your app, or a recovery code.",
    ),
    ProblemCode.INSUFFICIENT_USER_AUTHENTICATION: ProblemText(
        S.UNAUTHORIZED,
        "패스키로 추가 인증이 필요합니다",
        "A passkey has to confirm that it is you",
        "브라우저에서 /account/step-up을 열어 패스키로 인증한 뒤 다시 시도해 주십시오. "
        "프로그램에서 쓰려면 그 화면에서 '다음 프로그램의 세션에도 적용'을 선택하십시오.",
        "Open /account/step-up in a browser, confirm with a passkey, then try again. For a program "
        "on the command line, tick it there under 'Count it for these programs as well'.",
    ),
    ProblemCode.CSRF_FAILED: ProblemText(
        S.BAD_REQUEST,
        "양식의 유효 시간이 지났습니다",
        "The form is no longer valid",
        "페이지를 새로 연 뒤 다시 보내 주십시오.",
        "Open the page again and resend the form.",
    ),
    ProblemCode.FORBIDDEN: ProblemText(
        S.FORBIDDEN,
        "이 작업은 할 수 없습니다",
        "This is not yours to do",
        "여기에 적힌 담당자에게 요청하거나 운영자에게 문의해 주십시오.",
        "Ask whoever is named here to do it, or ask an operator.",
    ),
    ProblemCode.STAFF_FACTOR_MISSING: ProblemText(
        S.FORBIDDEN,
        "직원 역할을 쓰려면 2단계 인증이 필요합니다",
        "Staff roles need a second factor",
        "계정 화면에서 패스키나 인증 앱을 등록해 주십시오. 등록하면 바로 적용됩니다. "
        "이미 등록했으면 그것으로 로그인해 주십시오.",
        "Set up a passkey or an authenticator app under Account; it counts at once. If you have "
        "one, sign in with it.",
    ),
    ProblemCode.CROWD_WORK_ONLY: ProblemText(
        S.FORBIDDEN,
        "크라우드 작업 계정으로는 볼 수 없습니다",
        "An account for crowd work does not open this",
        "배정받은 작업은 /tasks에 있습니다. 데이터셋을 이용하려면 운영자에게 이 계정을 닫아 달라고 "
        "요청한 뒤 일반 계정으로 가입하여 이용신청을 하십시오.",
        "Your assigned work is at /tasks. To use datasets, ask the operator to close this account, "
        "sign up for an ordinary one, and apply.",
    ),
    ProblemCode.MACHINE_NOT_ALLOWED: ProblemText(
        S.FORBIDDEN,
        "기계 계정으로는 할 수 없는 일입니다",
        "A machine does not do this",
        "기계 계정은 데이터셋과 기관의 이용 권한을 보고 데이터를 받는 데만 씁니다. 신청·서명·예약·"
        "반출처럼 사람이 할 일은 책임자가 직접 로그인하여 해 주십시오.",
        "A machine reads datasets and its organisation's grants, and fetches data. To apply, sign, "
        "book or take anything out, the responsible person signs in themselves.",
    ),
    ProblemCode.IDENTITY_KNOWN: ProblemText(
        S.CONFLICT,
        "본인확인 결과가 이 계정과 맞지 않습니다",
        "The identity check does not fit this account",
        "이미 본인확인을 마친 본인의 계정으로 로그인하거나 운영자에게 문의해 주십시오.",
        "Sign in with the account that was checked as you, or ask the operator.",
    ),
    ProblemCode.IDENTITY_CHECK_ENDED: ProblemText(
        S.NOT_FOUND,
        "이 본인확인은 더 이어갈 수 없습니다",
        "This identity check cannot be continued",
        "계정 화면의 '본인확인'에서 다시 시작해 주십시오.",
        "Begin again on your account, under Identity check.",
    ),
    ProblemCode.IDENTITY_CHECK_REFUSED: ProblemText(
        S.FORBIDDEN,
        "본인확인을 마치지 못했습니다",
        "The identity check did not succeed",
        "계정 화면의 '본인확인'에서 다시 시작하거나, 소속기관의 관리자나 데이터 관리 담당자에게 "
        "신분증 확인을 요청해 주십시오.",
        "Begin again under Identity check, or ask your organisation's manager or a data steward to "
        "look at your identity card.",
    ),
    ProblemCode.IDENTITY_CHECK_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "지금은 본인확인 기관을 이용할 수 없습니다",
        "The identity-check agency cannot be used at present",
        "잠시 뒤 계정 화면의 '본인확인'에서 다시 시작해 주십시오.",
        "Begin again later under Identity check.",
    ),
    ProblemCode.INSUFFICIENT_SCOPE: ProblemText(
        S.FORBIDDEN,
        "이 프로그램에 허용되지 않은 작업입니다",
        "This program was not allowed to do this",
        "여기에 적힌 권한 범위로 동의를 다시 받아 주십시오.",
        "Ask for consent again with the scope named here.",
    ),
    ProblemCode.ACCESS_DENIED: ProblemText(
        S.FORBIDDEN,
        "이용 불가",
        "Access denied",
        "아래의 미충족 요건과 승인에 필요한 조치를 확인해 주십시오.",
        "Each reason below names the step that would change it, and who can take it.",
    ),
    ProblemCode.NOT_FOUND: ProblemText(
        S.NOT_FOUND,
        "찾을 수 없습니다",
        "Not found",
        "주소를 확인하거나 목록에서 다시 찾아 주십시오.",
        "Check the address, or find it again from the list.",
    ),
    ProblemCode.METHOD_NOT_ALLOWED: ProblemText(
        S.METHOD_NOT_ALLOWED,
        "허용되지 않는 메서드입니다",
        "This method is not allowed here",
        "Allow 머리글에 있는 메서드를 사용해 주십시오.",
        "Use one of the methods in the Allow header.",
    ),
    ProblemCode.CONFLICT: ProblemText(
        S.CONFLICT,
        "이미 있는 내용과 겹칩니다",
        "This conflicts with what exists",
        "기존 내용을 확인한 뒤 다시 시도해 주십시오.",
        "Look at what exists, then try again.",
    ),
    ProblemCode.WRONG_STATE: ProblemText(
        S.CONFLICT,
        "현재 상태에서는 할 수 없습니다",
        "Not possible in the present state",
        "현재 상태를 확인해 주십시오.",
        "Reload to see the present state and what is possible in it.",
    ),
    ProblemCode.PRECONDITION_FAILED: ProblemText(
        S.PRECONDITION_FAILED,
        "파일이 조건과 다릅니다",
        "The file is not the one you expected",
        "새 ETag로 처음부터 다시 받아 주십시오.",
        "Start again with the current ETag.",
    ),
    ProblemCode.RANGE_NOT_SATISFIABLE: ProblemText(
        S.REQUESTED_RANGE_NOT_SATISFIABLE,
        "요청한 범위가 파일을 벗어납니다",
        "The range lies outside the file",
        "Content-Range 머리글의 전체 크기를 확인해 주십시오.",
        "See the full size in the Content-Range header.",
    ),
    ProblemCode.URL_INVALID: ProblemText(
        S.FORBIDDEN,
        "다운로드 주소가 올바르지 않습니다",
        "This download address is not valid",
        "데이터셋 페이지에서 다운로드 주소를 새로 받아 주십시오.",
        "Ask for a new download address on the dataset's page.",
    ),
    ProblemCode.URL_EXPIRED: ProblemText(
        S.FORBIDDEN,
        "다운로드 주소가 만료되었습니다",
        "This download address has expired",
        "데이터셋 페이지에서 다운로드 주소를 새로 받아 주십시오.",
        "Ask for a new download address on the dataset's page.",
    ),
    ProblemCode.TOO_MANY_REQUESTS: ProblemText(
        S.TOO_MANY_REQUESTS,
        "요청이 너무 잦습니다",
        "Too many requests",
        "Retry-After 시간이 지난 뒤 다시 시도해 주십시오.",
        "Wait for the time in Retry-After, then try again.",
    ),
    ProblemCode.BUSY: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "지금은 요청이 많습니다",
        "The gateway is busy",
        "잠시 뒤 다시 시도해 주십시오.",
        "Try again in a moment.",
    ),
    ProblemCode.LOG_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "감사 기록을 남길 수 없어 제공을 멈췄습니다",
        "The audit log cannot be written, so nothing is served",
        "운영자가 조치하고 있습니다. 잠시 뒤 다시 시도해 주십시오.",
        "The operator has been alerted. Try again later.",
    ),
    ProblemCode.STORAGE_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "저장소에 연결할 수 없습니다",
        "The object store cannot be reached",
        "잠시 뒤 다시 시도해 주십시오.",
        "Try again in a moment.",
    ),
    ProblemCode.DATABASE_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "데이터베이스를 쓸 수 없어 제공을 멈췄습니다",
        "The database cannot be used, so nothing is served",
        "잠시 뒤 다시 시도해 주십시오.",
        "Try again in a moment.",
    ),
    ProblemCode.POLICY_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "접근 규칙을 쓸 수 없어 제공을 멈췄습니다",
        "The access rules cannot be used, so nothing is served",
        "요청 번호와 함께 운영자에게 알려 주십시오.",
        "Tell the operator, naming the request id shown here.",
    ),
    ProblemCode.PROVIDER_REFUSED: ProblemText(
        S.FORBIDDEN,
        "외부 계정으로 로그인하지 못했습니다",
        "The sign-in with the outside account did not succeed",
        "처음부터 다시 시도하거나 다른 방법으로 로그인해 주십시오.",
        "Start again, or sign in another way.",
    ),
    ProblemCode.PROVIDER_UNAVAILABLE: ProblemText(
        S.SERVICE_UNAVAILABLE,
        "외부 계정 제공 기관을 이용할 수 없습니다",
        "The identity provider cannot be used at present",
        "잠시 뒤 다시 시도하거나 다른 방법으로 로그인해 주십시오.",
        "Try again later, or sign in another way.",
    ),
    ProblemCode.PASSPORT_REFUSED: ProblemText(
        S.UNPROCESSABLE_ENTITY,
        "가져온 패스포트를 받아들이지 못했습니다",
        "The passport was not accepted",
        "발급 기관에서 새로 받아 다시 가져와 주십시오.",
        "Get a new one from its issuer and bring that.",
    ),
    ProblemCode.INTERNAL: ProblemText(
        S.INTERNAL_SERVER_ERROR,
        "처리하지 못했습니다",
        "Something went wrong on our side",
        "요청 번호와 함께 운영자에게 알려 주십시오.",
        "Tell the operator, naming the request id shown here.",
    ),
}
