// Package desk is the phones of a scripted phone system, and their owners, as the suite of call behaviour wants them. A fake
// Asterisk or FreeSWITCH plays the system; a phone has a line to it while it rings or talks, and knows nothing of how the
// system tells of that on its wire.
//
//	suite -> Phone: Lift, PutDown, Press, Hold, Dial -> Line -> fake system
//	suite <- Phone: Idle, Rang, Hears                <- Line <- fake system
//	         Phone: Ring, Over                               <- fake system
//
// What is heard is a question to the fake: who is in which bridge, who is held, what tone is played. So a leg that is joined
// in name only is silent here too.
package desk
