package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

const (
	secretPrefix = "whsec_" // by which Standard Webhooks know a secret
	secretBytes  = 32
)

func newSecret() Secret {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return Secret{Key: key}
}

// Text is the secret as it is shown, once: "whsec_" and base64.
func (s Secret) Text() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.Key) }

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// Sign returns webhook-signature: one "v1," HMAC-SHA256 over "id.timestamp.body" for each secret that lives at the time,
// separated by spaces (Standard Webhooks 1.0, signature scheme).
func Sign(secrets []Secret, id string, at time.Time, body []byte) string {
	var all []string
	for _, s := range secrets {
		if !s.Until.IsZero() && at.After(s.Until) {
			continue
		}
		mac := hmac.New(sha256.New, s.Key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}
