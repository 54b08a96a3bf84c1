// Package config reads C2D's one configuration file: YAML, decoded strictly, with secrets from the environment.
//
// Each adapter owns and validates the struct of its section; this package owns the file as a whole, and tells all that
// is wrong with it at once, each error with its line and its key path:
//
//	c2d.yaml:7: sip.listen[1]: must begin with "udp:", "tcp:" or "tls:"
//	c2d.yaml:9: backends[0].pasword: unknown key; known here are kind, name
//
// ${NAME} in a value stands for the environment variable of that name; one that is not set is an error. Keys are never
// expanded. Anchors, aliases and tags are refused: what a key says must stand beside it. A number where text belongs is
// refused too, since YAML reads country: +86 as 86 and area: 0532 as an octal.
//
// The decoder is our own walk over the library's syntax tree, because the library's ends at the first error.
package config
