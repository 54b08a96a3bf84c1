// Package fault is the one error type that crosses C2D's ports.
//
// An error has a stable [Code] that outsiders act on, a field when input was at
// fault, a message that a user may read, and a cause that only the operator sees.
// Callers test it with [Is] or errors.As; nobody matches text.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the class of a fault; each adapter has one table from Kind to its own protocol's status.
type Kind int

const (
	Internal         Kind = iota // ours, or nobody's: a bug or an unknown error
	Invalid                      // the input breaks a rule; Field says where
	Unauthenticated              // no credentials, or they are wrong, expired or revoked
	Forbidden                    // known, but not allowed
	NotFound                     // nothing by that id or name in this tenant
	Ambiguous                    // several answer to that name; the candidates are in the details
	Conflict                     // the state or version does not allow it now
	Exists                       // a unique value is taken
	TooLarge                     // more bytes or items than the limit
	UnsupportedMedia             // a content type or charset that is not accepted
	Limited                      // a rate or concurrency limit; try again later
	Unavailable                  // a dependency is down; nothing was done
	NotSupported                 // the backend lacks the capability
)

// Code is a stable word that outsiders act on, such as "caller_busy". [Codes] lists all.
type Code string

const (
	CodeInternal            Code = "internal"
	CodeInvalid             Code = "invalid"
	CodeMalformed           Code = "malformed"
	CodeUnknownField        Code = "unknown_field"
	CodeDuplicateField      Code = "duplicate_field"
	CodeWrongType           Code = "wrong_type"
	CodeBadCharset          Code = "bad_charset"
	CodeBadCharacter        Code = "bad_character"
	CodeTooLarge            Code = "too_large"
	CodeUnsupportedMedia    Code = "unsupported_media"
	CodeBadCursor           Code = "bad_cursor"
	CodeKindUnclear         Code = "kind_unclear"
	CodeInvalidNumber       Code = "invalid_number"
	CodeEmergencyNumber     Code = "emergency_number"
	CodeNumberDenied        Code = "number_denied"
	CodeBlocked             Code = "blocked"
	CodeNoRoute             Code = "no_route"
	CodeSameParty           Code = "same_party"
	CodeUnauthenticated     Code = "unauthenticated"
	CodeKeyExpired          Code = "key_expired"
	CodeForbidden           Code = "forbidden"
	CodeScopeMissing        Code = "scope_missing"
	CodeNetworkDenied       Code = "network_denied"
	CodeOriginDenied        Code = "origin_denied"
	CodeNotFound            Code = "not_found"
	CodeCallerUnknown       Code = "caller_unknown"
	CodeCalleeUnknown       Code = "callee_unknown"
	CodeAmbiguous           Code = "ambiguous"
	CodeConflict            Code = "conflict"
	CodeCallEnded           Code = "call_ended"
	CodeExists              Code = "exists"
	CodeCallerBusy          Code = "caller_busy"
	CodeCallerOffline       Code = "caller_offline"
	CodeCallerNoDevice      Code = "caller_no_device"
	CodeIdempotencyMismatch Code = "idempotency_mismatch"
	CodeRateLimited         Code = "rate_limited"
	CodeCongestion          Code = "congestion"
	CodeStoreUnavailable    Code = "store_unavailable"
	CodeBackendUnavailable  Code = "backend_unavailable"
	CodeShuttingDown        Code = "shutting_down"
	CodeNotSupported        Code = "not_supported"
)

var kinds = map[Code]Kind{
	CodeInternal: Internal,
	CodeInvalid:  Invalid, CodeMalformed: Invalid, CodeUnknownField: Invalid, CodeDuplicateField: Invalid,
	CodeWrongType: Invalid, CodeBadCharset: Invalid, CodeBadCharacter: Invalid, CodeBadCursor: Invalid,
	CodeKindUnclear: Invalid, CodeInvalidNumber: Invalid, CodeEmergencyNumber: Invalid, CodeNumberDenied: Invalid,
	CodeBlocked: Invalid, CodeNoRoute: Invalid, CodeSameParty: Invalid, CodeIdempotencyMismatch: Invalid,
	CodeTooLarge: TooLarge, CodeUnsupportedMedia: UnsupportedMedia,
	CodeUnauthenticated: Unauthenticated, CodeKeyExpired: Unauthenticated,
	CodeForbidden: Forbidden, CodeScopeMissing: Forbidden, CodeNetworkDenied: Forbidden, CodeOriginDenied: Forbidden,
	CodeNotFound: NotFound, CodeCallerUnknown: NotFound, CodeCalleeUnknown: NotFound,
	CodeAmbiguous: Ambiguous,
	CodeConflict:  Conflict, CodeCallEnded: Conflict, CodeCallerBusy: Conflict, CodeCallerOffline: Conflict,
	CodeCallerNoDevice: Conflict,
	CodeExists:         Exists,
	CodeRateLimited:    Limited, CodeCongestion: Limited,
	CodeStoreUnavailable: Unavailable, CodeBackendUnavailable: Unavailable, CodeShuttingDown: Unavailable,
	CodeNotSupported: NotSupported,
}

// Codes returns every code, in no order; tests use it to prove that each has its texts.
func Codes() []Code {
	all := make([]Code, 0, len(kinds))
	for c := range kinds {
		all = append(all, c)
	}
	return all
}

// Kind returns the class of the code; an unknown code is [Internal].
func (c Code) Kind() Kind { return kinds[c] }

// Error is the one error type of the ports.
type Error struct {
	Code    Code
	Field   string         // the input field at fault, as the client wrote it ("callee.number"); empty if none
	Message string         // a sentence that a user may read; holds no secret, name or whole number
	Details map[string]any // what helps the client to go on: candidates, the id of the first call, retry_after_s
	Cause   error          // for the operator's log only
}

func (e *Error) Error() string {
	s := string(e.Code)
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns a fault with a message for the user.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Field returns a fault of one input field.
func Field(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault around a cause that only the operator sees; nil stays nil,
// and a cause that is a fault already is returned as it is.
func Wrap(code Code, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	var f *Error
	if errors.As(cause, &f) {
		return cause
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// With returns the fault with one more detail.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = map[string]any{key: value}
	for k, v := range e.Details {
		c.Details[k] = v
	}
	return &c
}

// CodeOf returns the code of err; an error that is no fault is [CodeInternal], nil is "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return CodeInternal
}

// Is reports whether err is a fault with one of the codes.
func Is(err error, codes ...Code) bool {
	got := CodeOf(err)
	for _, c := range codes {
		if got == c {
			return true
		}
	}
	return false
}
