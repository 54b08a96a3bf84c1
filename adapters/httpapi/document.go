package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/fault"
)

// about opens the document: what holds for every operation.
const about = "Send a key as `Authorization: Bearer …`. Bodies are JSON in UTF-8, or GB18030, GBK and GB2312 when Content-Type says so; " +
	"fields that are unknown or doubled are refused. Every error is an RFC 9457 problem: act on `code`, show `title`, log `request_id`; " +
	"Accept-Language chooses en or zh-CN. X-Request-ID (1 to 64 of A-Z, a-z, 0-9 and -) is taken over, or given, and answered. " +
	"Ids are opaque. Times are UTC with milliseconds; durations end in `_s`. Lists answer `items` and `next`, the `cursor` of the next page, " +
	"empty at the end. A version is also an ETag; a change names the version that it saw, in the body or as If-Match. " +
	"After 429 and 503 wait as Retry-After says. POST /v1/calls with an Idempotency-Key may be sent again after any failure. " +
	"Later releases of v1 add fields and values: ignore those that you do not know. A response lists the values of today as " +
	"`x-extensible-enum`. Not described here: GET /healthz, /readyz and /metrics, which need no key."

// headersOf are the headers of problems, by status.
func headersOf(status int) map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	h := map[string]*huma.Param{"X-Request-ID": {Schema: text}, "Content-Language": {Schema: text}}
	switch status {
	case http.StatusUnauthorized:
		h["WWW-Authenticate"] = &huma.Param{Schema: text}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h["Retry-After"] = &huma.Param{Description: "Seconds", Schema: &huma.Schema{Type: huma.TypeInteger}}
	}
	return h
}

// describeProblems adds the problems that an operation may answer with; "default" is for those to come.
func describeProblems(op *huma.Operation, content map[string]*huma.MediaType) {
	statuses := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable}
	if strings.Contains(op.Path, "{") || op.OperationID == "place-call" || op.OperationID == "resolve" {
		statuses = append(statuses, http.StatusNotFound)
	}
	if op.Method != http.MethodGet {
		statuses = append(statuses, http.StatusConflict)
	}
	if op.Metadata[metaBody] != nil || op.Metadata[metaMedia] != nil {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: "Problem: " + strings.Join(codesOf(status), ", "),
			Headers: headersOf(status), Content: content}
	}
	op.Responses["default"] = &huma.Response{Description: "Problem", Content: content}
}

// codesOf returns the codes that are answered with a status, in order.
func codesOf(status int) []string {
	var codes []string
	for _, code := range fault.Codes() {
		if statusOf(code) == status {
			codes = append(codes, string(code))
		}
	}
	slices.Sort(codes)
	return codes
}

// finishDocument corrects what huma makes of our types: a list is never null, and a value that may gain others is no
// enum, at which generated clients would fail.
func (s *Server) finishDocument() {
	doc := s.api.OpenAPI()
	doc.Info.Description = about
	doc.Info.License = &huma.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"}
	doc.Servers = []*huma.Server{{URL: "/"}}
	schemas := doc.Components.Schemas.Map()
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's own, replaced by Problem everywhere
		delete(schemas, unused)
	}
	for name, schema := range schemas {
		for field, property := range schema.Properties {
			property.Nullable = false
			if values := knownValues(name, field); values != nil {
				extensible(property, values)
			}
		}
	}
	csv := doc.Paths["/v1/contacts/import"].Post.RequestBody.Content["text/csv"]
	csv.Schema = &huma.Schema{Type: huma.TypeString} // huma's contentMediaType is not in 3.0
}

func extensible(property *huma.Schema, values []string) {
	if property.Items != nil {
		property = property.Items
	}
	property.Extensions = map[string]any{"x-extensible-enum": values}
}
