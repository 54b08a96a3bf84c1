package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"c2d/adapters/httpapi"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// refused is what a client acts on.
type refused struct {
	Status int
	Code   string
	Field  string
}

func problemOf(t *testing.T, body []byte) refused {
	t.Helper()
	var p refused
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}

func TestBadInputIsNamedAndNothingIsDialled(t *testing.T) {
	const calls, csv = "/v1/calls", "Content-Type: text/csv"
	post := func(body string, headers ...string) ask {
		return ask{method: "POST", path: calls, body: body, headers: headers}
	}
	get := func(path string) ask { return ask{method: "GET", path: path} }
	put := func(path, body string, headers ...string) ask {
		return ask{method: "PUT", path: path, body: body, headers: headers}
	}
	w := newWorld(t)
	placed(w)
	for name, c := range map[string]struct {
		ask  ask
		want refused
	}{
		"empty body":            {ask{method: "POST", path: calls}, refused{400, "malformed", ""}},
		"half an object":        {post(`{"caller":"harry"`), refused{400, "malformed", ""}},
		"trailing data":         {post(placeBody + "{}"), refused{400, "malformed", ""}},
		"an array":              {post(`[]`), refused{422, "wrong_type", ""}},
		"null":                  {post(`null`), refused{422, "wrong_type", ""}},
		"unknown field":         {post(`{"caller":"a","callee":"b","colour":1}`), refused{422, "unknown_field", "colour"}},
		"unknown inner field":   {post(`{"caller":"a","callee":{"nam":"b"}}`), refused{422, "unknown_field", "callee.nam"}},
		"other case":            {post(`{"Caller":"a","callee":"b"}`), refused{422, "unknown_field", "Caller"}},
		"doubled field":         {post(`{"caller":"a","callee":"b","callee":"c"}`), refused{422, "duplicate_field", "callee"}},
		"doubled but for case":  {post(`{"caller":"a","callee":"b","CALLEE":"c"}`), refused{422, "duplicate_field", "CALLEE"}},
		"doubled inner field":   {post(`{"caller":"a","callee":{"id":"1","id":"2"}}`), refused{422, "duplicate_field", "callee.id"}},
		"doubled in context":    {post(`{"caller":"a","callee":"b","context":{"v":"1","V":"2"}}`), refused{422, "duplicate_field", "context.V"}},
		"number for a string":   {post(`{"caller":7,"callee":"b"}`), refused{422, "wrong_type", "caller"}},
		"string for a number":   {post(`{"caller":"a","callee":"b","limits":{"talk_s":"9"}}`), refused{422, "wrong_type", "limits.talk_s"}},
		"fraction":              {post(`{"caller":"a","callee":"b","limits":{"talk_s":9.5}}`), refused{422, "wrong_type", "limits.talk_s"}},
		"number beyond 64 bits": {post(`{"caller":"a","callee":"b","limits":{"talk_s":99999999999999999999}}`), refused{422, "wrong_type", "limits.talk_s"}},
		"string for a list":     {post(`{"caller":"a","callee":"b","devices":"d"}`), refused{422, "wrong_type", "devices"}},
		"number in a list":      {post(`{"caller":"a","callee":"b","devices":["d",1]}`), refused{422, "wrong_type", "devices[1]"}},
		"number in context":     {post(`{"caller":"a","callee":"b","context":{"v":1}}`), refused{422, "wrong_type", "context.v"}},
		"list for an object":    {post(`{"caller":"a","callee":"b","context":[]}`), refused{422, "wrong_type", "context"}},
		"missing field":         {post(`{"caller":"a"}`), refused{422, "invalid", "callee"}},
		"null for a field":      {post(`{"caller":"a","callee":null}`), refused{422, "invalid", "callee"}},
		"empty string":          {post(`{"caller":"","callee":"b"}`), refused{422, "invalid", "caller"}},
		"two meanings":          {post(`{"caller":"a","callee":{"id":"1","name":"b"}}`), refused{422, "invalid", "callee"}},
		"no meaning":            {post(`{"caller":"a","callee":{}}`), refused{422, "invalid", "callee"}},
		"half an identifier":    {post(`{"caller":"a","callee":{"identifier":{"system":"m"}}}`), refused{422, "invalid", "callee.identifier.value"}},
		"bare digits":           {post(`{"caller":"a","callee":"8001"}`), refused{422, "kind_unclear", "callee"}},
		"CRLF in a name":        {post(`{"caller":"a","callee":"b\r\nVia: c"}`), refused{422, "bad_character", "callee"}},
		"NUL in context":        {post(`{"caller":"a","callee":"b","context":{"v":"\u0000"}}`), refused{422, "bad_character", "context.v"}},
		"control in a key":      {post(`{"caller":"a","callee":"b","context":{"v\n":"1"}}`), refused{422, "bad_character", "context.?"}},
		"DEL in a number":       {post(`{"caller":"a","callee":{"number":"1\u007f"}}`), refused{422, "bad_character", "callee.number"}},
		"half a surrogate":      {post(`{"caller":"a","callee":"b\ud800"}`), refused{400, "bad_charset", "callee"}},
		"not UTF-8":             {post("{\"caller\":\"a\",\"callee\":\"b\xff\"}"), refused{400, "bad_charset", ""}},
		"not GB18030":           {post("{\"caller\":\"a\",\"callee\":\"b\xff\"}", "Content-Type: application/json; charset=GB18030"), refused{400, "bad_charset", ""}},
		"other charset":         {post(placeBody, "Content-Type: application/json; charset=big5"), refused{415, "unsupported_media", ""}},
		"form":                  {post("caller=a", "Content-Type: application/x-www-form-urlencoded"), refused{415, "unsupported_media", ""}},
		"compressed":            {post(placeBody, "Content-Encoding: gzip"), refused{415, "unsupported_media", ""}},
		"too large":             {post(`{"caller":"` + strings.Repeat("a", 64<<10) + `"}`), refused{413, "too_large", ""}},
		"too deep":              {post(`{"caller":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`), refused{400, "malformed", "caller" + strings.Repeat("[0]", 32)}},
		"far too deep":          {post(`{"caller":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`), refused{400, "malformed", ""}},
		"17 context keys":       {post(`{"caller":"a","callee":"b","context":{` + many(17) + `}}`), refused{422, "invalid", "context"}},
		"long context key":      {post(`{"caller":"a","callee":"b","context":{"` + strings.Repeat("k", 65) + `":"1"}}`), refused{422, "invalid", "context"}},
		"long context value":    {post(`{"caller":"a","callee":"b","context":{"k":"` + strings.Repeat("病", 257) + `"}}`), refused{422, "invalid", "context.k"}},
		"two keys":              {post(`{"caller":"a","callee":"b","request_id":"1"}`, "Idempotency-Key: 2"), refused{422, "invalid", "request_id"}},
		"odd key":               {post(`{"caller":"a","callee":"b","request_id":"病"}`), refused{422, "invalid", "request_id"}},
		"long key":              {post(placeBody, "Idempotency-Key: "+strings.Repeat("k", 256)), refused{422, "invalid", "Idempotency-Key"}},
		"17 devices":            {post(`{"caller":"a","callee":"b","devices":[` + strings.Repeat(`"d",`, 16) + `"d"]}`), refused{422, "invalid", "devices"}},
		"odd limit":             {get("/v1/calls?limit=0x5"), refused{422, "wrong_type", "limit"}},
		"limit beyond":          {get("/v1/calls?limit=501"), refused{422, "invalid", "limit"}},
		"second page of keys":   {get("/v1/keys?cursor=x"), refused{422, "bad_cursor", "cursor"}},
		"limit of devices":      {get("/v1/users/u-1/devices?limit=501"), refused{422, "invalid", "limit"}},
		"odd boolean":           {get("/v1/calls?active=yes"), refused{422, "wrong_type", "active"}},
		"unknown parameter":     {get("/v1/calls?activ=true"), refused{422, "unknown_field", "activ"}},
		"doubled parameter":     {get("/v1/calls?cursor=a&cursor=b"), refused{422, "duplicate_field", "cursor"}},
		"control in the query":  {get("/v1/contacts?q=%0d%0a"), refused{422, "bad_character", "q"}},
		"query is not UTF-8":    {get("/v1/contacts?q=%ff"), refused{400, "bad_charset", "q"}},
		"query cannot be read":  {get("/v1/contacts?q=%zz"), refused{400, "malformed", ""}},
		"five contexts":         {get("/v1/calls?context.a=1&context.b=1&context.c=1&context.d=1&context.e=1"), refused{422, "invalid", "context"}},
		"odd identifier":        {get("/v1/contacts?identifier=7"), refused{422, "invalid", "identifier"}},
		"odd identifier (user)": {get("/v1/users?identifier=7"), refused{422, "invalid", "identifier"}},
		"odd wait":              {get("/v1/calls/call-1?wait=soon"), refused{422, "invalid", "wait"}},
		"negative wait":         {get("/v1/calls/call-1?wait=-5"), refused{422, "invalid", "wait"}},
		"odd wait for events":   {get("/v1/events?wait=soon"), refused{422, "invalid", "wait"}},
		"bad cursor":            {get("/v1/events?after=x"), refused{422, "bad_cursor", "after"}},
		"bad Last-Event-ID":     {ask{method: "GET", path: "/v1/events", headers: []string{"Last-Event-ID: x"}}, refused{422, "bad_cursor", "Last-Event-ID"}},
		"bad event cursor":      {get("/v1/events?after=x"), refused{422, "bad_cursor", "after"}},
		"bad audit cursor":      {ask{method: "GET", path: "/v1/audit?cursor=x", key: "audit_admin"}, refused{422, "bad_cursor", "cursor"}},
		"audit limit":           {ask{method: "GET", path: "/v1/audit?limit=501", key: "audit_admin"}, refused{422, "invalid", "limit"}},
		"audit without scope":   {get("/v1/audit"), refused{403, "scope_missing", ""}},
		"verify without scope":  {get("/v1/audit/verify"), refused{403, "scope_missing", ""}},
		"events without scope":  {ask{method: "GET", path: "/v1/events", key: "audit_admin"}, refused{403, "scope_missing", ""}},
		"hold with a list":      {ask{method: "POST", path: calls + "/call-1/hold", body: `[]`}, refused{422, "wrong_type", ""}},
		"no keys":               {ask{method: "POST", path: calls + "/call-1/dtmf"}, refused{400, "malformed", ""}},
		"record or not":         {ask{method: "POST", path: calls + "/call-1/record", body: `{}`}, refused{422, "invalid", "on"}},
		"record by a word":      {ask{method: "POST", path: calls + "/call-1/record", body: `{"on":"yes"}`}, refused{422, "wrong_type", "on"}},
		"keys that are none":    {ask{method: "POST", path: calls + "/call-1/dtmf", body: `{"keys":"1"}`}, refused{422, "unknown_field", "keys"}},
		"transfer to nobody":    {ask{method: "POST", path: calls + "/call-1/transfer", body: `{}`}, refused{422, "invalid", "to"}},
		"transfer to digits":    {ask{method: "POST", path: calls + "/call-1/transfer", body: `{"to":"8001"}`}, refused{422, "kind_unclear", "to"}},
		"transfer to two":       {ask{method: "POST", path: calls + "/call-1/transfer", body: `{"to":"+8001","call":"call-2"}`}, refused{422, "invalid", "call"}},
		"hold without scope":    {ask{method: "POST", path: "/v1/calls/call-1/hold", key: "audit_admin"}, refused{403, "scope_missing", ""}},
		"unknown call":          {get("/v1/calls/call-7"), refused{404, "not_found", ""}},
		"unknown call's events": {get("/v1/calls/call-7/events"), refused{404, "not_found", ""}},
		"id with a NUL":         {get("/v1/calls/a%00"), refused{404, "not_found", ""}},
		"id with a slash":       {get("/v1/calls/a%2fb"), refused{404, "not_found", ""}},
		"unknown path":          {get("/v1/colours"), refused{404, "not_found", ""}},
		"unknown method":        {ask{method: "PATCH", path: "/v1/calls"}, refused{405, "method_not_allowed", ""}},
		"no version":            {put("/v1/users/u-1", `{"login":"a","name":"b"}`), refused{422, "invalid", "version"}},
		"odd If-Match":          {put("/v1/users/u-1", `{"login":"a","name":"b"}`, "If-Match: abc"), refused{422, "invalid", "If-Match"}},
		"two versions":          {put("/v1/users/u-1", `{"login":"a","name":"b","version":2}`, `If-Match: "3"`), refused{422, "invalid", "If-Match"}},
		"another id":            {put("/v1/users/u-1", `{"id":"u-2","login":"a","name":"b","version":2}`), refused{422, "invalid", "id"}},
		"odd time":              {put("/v1/users/u-1", `{"login":"a","name":"b","version":2,"created_at":"now"}`), refused{422, "invalid", "created_at"}},
		"time as a number":      {put("/v1/users/u-1", `{"login":"a","name":"b","version":2,"created_at":1}`), refused{422, "wrong_type", "created_at"}},
		"contact version":       {put("/v1/contacts/c-1", `{"name":"b"}`), refused{422, "invalid", "version"}},
		"contact id":            {put("/v1/contacts/c-1", `{"name":"b","id":"c-2","version":1}`), refused{422, "invalid", "id"}},
		"string for a boolean":  {put("/v1/contacts/c-1", `{"name":"b","version":1,"blocked":"no"}`), refused{422, "wrong_type", "blocked"}},
		"boolean for a string":  {put("/v1/contacts/c-1", `{"name":true,"version":1}`), refused{422, "wrong_type", "name"}},
		"number's number":       {put("/v1/contacts/c-1", `{"name":"b","version":1,"numbers":[{"number":1}]}`), refused{422, "wrong_type", "numbers[0].number"}},
		"device of another":     {put("/v1/users/u-1/devices/d-9", `{"name":"b","kind":"desk","backend":"h","address":"1","version":1}`), refused{404, "not_found", ""}},
		"odd network":           {ask{method: "POST", path: "/v1/keys", body: `{"name":"a","role":"system","networks":["10.0.0.0"]}`}, refused{422, "invalid", "networks[0]"}},
		"CSV that is not UTF-8": {ask{method: "POST", path: "/v1/contacts/import", body: "name\n\xff", headers: []string{csv}}, refused{400, "bad_charset", ""}},
		"JSON as an import":     {ask{method: "POST", path: "/v1/contacts/import", body: "{}"}, refused{415, "unsupported_media", ""}},
		"odd dry run":           {ask{method: "POST", path: "/v1/contacts/import?dry_run=1", body: "name\n", headers: []string{csv}}, refused{422, "wrong_type", "dry_run"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.do(t, c.ask)
			if got := problemOf(t, rec.Body.Bytes()); got != c.want || rec.Code != c.want.Status {
				t.Errorf("got %d %+v, want %+v: %s", rec.Code, got, c.want, rec.Body)
			}
			if ct := rec.Header().Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %q", ct)
			}
			if len(w.calls.placed) != 0 {
				t.Error("it was dialled")
			}
		})
	}
}

func many(n int) string {
	var keys []string
	for i := range n {
		keys = append(keys, `"k`+string(rune('a'+i))+`":"1"`)
	}
	return strings.Join(keys, ",")
}

func TestGB18030RoundTrip(t *testing.T) {
	body := `{"caller":"harry","callee":"李雷·㐂","context":{"病房":"三"}}`
	converted, err := simplifiedchinese.GB18030.NewEncoder().String(body)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	for _, charset := range []string{"GB18030", "gbk", "GB2312"} {
		rec := w.do(t, ask{method: "POST", path: "/v1/calls", body: converted, headers: []string{"Content-Type: application/json;charset=" + charset}})
		if rec.Code != http.StatusCreated {
			t.Fatalf("%s: %s", charset, rec.Body)
		}
	}
	w.do(t, ask{method: "POST", path: "/v1/calls", body: body})
	first, last := w.calls.placed[0], w.calls.placed[3]
	if first.Callee.Name != "李雷·㐂" || first.Context["病房"] != "三" || first.BodyHash != last.BodyHash {
		t.Errorf("placed %+v, and from UTF-8 %+v", first, last)
	}
}

func TestImportIsConvertedAndHasItsOwnLimit(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.Limits = httpapi.Limits{Body: 10, Import: 40} })
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("name\n李雷\n")
	if err != nil {
		t.Fatal(err)
	}
	rec := w.do(t, ask{method: "POST", path: "/v1/contacts/import", body: gbk, headers: []string{"Content-Type: text/csv; charset=gbk"}})
	if rec.Code != http.StatusOK || w.book.imported != "name\n李雷\n" || w.book.dryRun {
		t.Errorf("%q, dry run %v: %s", w.book.imported, w.book.dryRun, rec.Body)
	}
	rec = w.do(t, ask{method: "POST", path: "/v1/contacts/import", body: strings.Repeat("a", 41), headers: []string{"Content-Type: text/csv"}})
	if got := problemOf(t, rec.Body.Bytes()); got.Code != "too_large" {
		t.Errorf("got %+v", got)
	}
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	first := w.do(t, ask{method: "POST", path: "/v1/calls", body: placeBody, headers: []string{"Idempotency-Key: k1"}})
	same := `{ "context":{"visit":"V-7"}, "callee":"Mary", "request_id":"k1", "caller":"harry", "devices":null }`
	again := w.do(t, ask{method: "POST", path: "/v1/calls", body: same})
	if first.Code != 201 || first.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("first: %d %v", first.Code, first.Header())
	}
	if again.Code != 201 || again.Header().Get("Idempotent-Replayed") != "true" || again.Body.String() != first.Body.String() {
		t.Errorf("again: %d %v %s", again.Code, again.Header(), again.Body)
	}
	other := w.do(t, ask{method: "POST", path: "/v1/calls", body: `{"caller":"harry","callee":"Ann","request_id":"k1"}`})
	if got := problemOf(t, other.Body.Bytes()); got != (refused{422, "idempotency_mismatch", "request_id"}) {
		t.Errorf("other: %+v", got)
	}
}
