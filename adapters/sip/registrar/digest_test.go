package registrar

import (
	"errors"
	"strings"
	"testing"
)

// TestVectors are the examples of the RFCs, whose passwords are known.
func TestVectors(t *testing.T) {
	rfc7616 := credentials{username: "Mufasa", realm: "http-auth@example.org", uri: "/dir/index.html", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		nc: "00000001", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop: "auth"}
	rfc2617 := credentials{username: "Mufasa", realm: "testrealm@host.com", uri: "/dir/index.html", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
		nc: "00000001", cnonce: "0a4f113b", qop: "auth"}
	rfc2069 := credentials{username: "Mufasa", realm: "testrealm@host.com", uri: "/dir/index.html", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
	for name, c := range map[string]struct {
		creds    credentials
		alg      algorithm
		password string
		want     string
	}{
		"RFC 7616 section 3.9.1, MD5":     {rfc7616, algMD5, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		"RFC 7616 section 3.9.1, SHA-256": {rfc7616, algSHA256, "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		"RFC 2617 section 3.5":            {rfc2617, algMD5, "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
		"RFC 2069, with its erratum":      {rfc2069, algMD5, "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"},
	} {
		ha1 := c.alg.sum(c.creds.username, c.creds.realm, c.password)
		if got := c.creds.answer(c.alg, ha1, "GET"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestParseCredentials(t *testing.T) {
	const must = `username="h", realm="r", nonce="n", uri="sip:x", response="00"`
	for name, c := range map[string]struct {
		value string
		want  credentials
		err   error
	}{
		"all": {`Digest ` + must + `, algorithm=SHA-256, cnonce="c", opaque="o", qop=auth, nc=0000000A`,
			credentials{"h", "r", "n", "sip:x", "00", "SHA-256", "c", "o", "auth", "0000000A"}, nil},
		"quoted tokens, other case, spaces, tabs": {"dIGEST\t" + strings.ToUpper(`username = `) + `"h" ,realm="r",` + "\t" + `nonce="n",uri="sip:x",response="00",qop="auth",nc="1"`,
			credentials{username: "h", realm: "r", nonce: "n", uri: "sip:x", response: "00", qop: "auth", nc: "1"}, nil},
		"unquoted values and empty elements": {`Digest username=h_1.2+3, realm=r,, nonce=n==, uri=sip:x, response=00,`,
			credentials{username: "h_1.2+3", realm: "r", nonce: "n==", uri: "sip:x", response: "00"}, nil},
		"escapes": {`Digest username="h\"\\,x", realm="r", nonce="n", uri="sip:x", response="00"`,
			credentials{username: `h"\,x`, realm: "r", nonce: "n", uri: "sip:x", response: "00"}, nil},
		"unknown parameters": {`Digest ` + must + `, x=1, auth-param="y"`, credentials{username: "h", realm: "r", nonce: "n", uri: "sip:x", response: "00"}, nil},
		"another scheme":     {"Basic aGFycnk6eA==", credentials{}, errOtherScheme},
		"empty":              {"", credentials{}, errOtherScheme},
		"nothing":            {"Digest", credentials{}, errMalformed},
		"no username":        {`Digest realm="r", nonce="n", uri="sip:x", response="00"`, credentials{}, errMalformed},
		"twice":              {`Digest ` + must + `, username="m"`, credentials{}, errMalformed},
		"twice, other case":  {`Digest ` + must + `, Username="m"`, credentials{}, errMalformed},
		"open quote":         {`Digest ` + must + `, opaque="`, credentials{}, errMalformed},
		"open escape":        {`Digest ` + must + `, opaque="\`, credentials{}, errMalformed},
		"no comma":           {`Digest ` + must + ` opaque="o"`, credentials{}, errMalformed},
		"text behind quote":  {`Digest ` + must + `, opaque="o"x`, credentials{}, errMalformed},
		"no value":           {`Digest ` + must + `, opaque=`, credentials{}, errMalformed},
		"no equals":          {`Digest ` + must + `, opaque`, credentials{}, errMalformed},
		"control character":  {"Digest " + must + ", opaque=\"\x00\"", credentials{}, errMalformed},
		"too long":           {`Digest ` + must + `, opaque="` + strings.Repeat("o", longestCredentials) + `"`, credentials{}, errMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCredentials(c.value)
			if !errors.Is(err, c.err) || err == nil && got != c.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestOfferedFormsOnly(t *testing.T) {
	full := credentials{qop: "auth", cnonce: "c", nc: "1"}
	for name, c := range map[string]struct {
		edit func(*credentials)
		alg  algorithm
		ok   bool
	}{
		"no algorithm is MD5": {func(c *credentials) {}, algMD5, true},
		"md5":                 {func(c *credentials) { c.algorithm = "md5" }, algMD5, true},
		"SHA-256":             {func(c *credentials) { c.algorithm = "sha-256" }, algSHA256, true},
		"MD5-sess":            {func(c *credentials) { c.algorithm = "MD5-sess" }, "", false},
		"AKAv1-MD5":           {func(c *credentials) { c.algorithm = "AKAv1-MD5" }, "", false},
		"auth-int":            {func(c *credentials) { c.qop = "auth-int" }, algMD5, false},
		"qop without cnonce":  {func(c *credentials) { c.cnonce = "" }, algMD5, false},
		"qop without nc":      {func(c *credentials) { c.nc = "" }, algMD5, false},
		"no qop, MD5":         {func(c *credentials) { c.qop = "" }, algMD5, true},
		"no qop, SHA-256":     {func(c *credentials) { c.qop, c.algorithm = "", "SHA-256" }, algSHA256, false},
	} {
		creds := full
		c.edit(&creds)
		if alg, ok := creds.alg(); alg != c.alg || ok != c.ok {
			t.Errorf("%s: %q, %v", name, alg, ok)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add(`Digest username="h", realm="r", nonce="n", uri="sip:x", response="00", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`Digest username="h\"", realm=r, nonce="", uri="sip:x;a=b", response="00",, x=y`)
	f.Add("digest\tusername = \"")
	f.Add(`Basic x`)
	f.Fuzz(func(t *testing.T, value string) {
		c, err := parseCredentials(value)
		if err != nil {
			return
		}
		again := "Digest username=" + quote(c.username) + ",realm=" + quote(c.realm) + ",nonce=" + quote(c.nonce) + ",uri=" + quote(c.uri) +
			",response=" + quote(c.response) + ",algorithm=" + quote(c.algorithm) + ",cnonce=" + quote(c.cnonce) + ",opaque=" + quote(c.opaque) +
			",qop=" + quote(c.qop) + ",nc=" + quote(c.nc)
		if back, err := parseCredentials(again); len(again) <= longestCredentials && (err != nil || back != c) {
			t.Errorf("%q reads as %+v, written again as %+v, %v", value, c, back, err)
		}
		c.alg()
	})
}
