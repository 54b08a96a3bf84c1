// Package e2e tells the stories of the product against the real service and telephones that others wrote: baresip and
// linphone, whose sound is measured from what they recorded, and sipp, which is busy, rejects, never answers and leaves.
// What passed between them is read by tshark where a story is about that.
//
// A house (house_test.go) is one service, in-process or as the program c2d, on a loopback address of its own, over a
// database of its own. A story begins with people and phones, clicks over the HTTP API, and ends with the record.
package e2e
