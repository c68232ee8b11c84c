// Package auth says who somebody is: accounts, passwords, tokens and logins (C5.7, C5.8, seed DOC-003).
//
// A login is one signed-in device. It holds two tokens. The access token is a JWT of 15 minutes that is
// checked without the database; the refresh token is a JWT of 7 days that is spent at every use and
// replaced by its successor. The successor's id is an HMAC of the spent one's, so whoever presents a
// spent token again within 30 seconds (a second tab, an answer that was lost) gets the very same
// successor. Presented later it can only be stolen: the whole login ends.
//
// A login that ended, by signing out, by a new password, by erasing the account or by such a theft, is
// remembered in memory for as long as one of its access tokens could live, so that these are refused at
// once; the hooks of [Service.OnEnd] close its sockets. Logins that another node or a command ended are
// found by [Service.Run] within a second.
//
// Tokens are signed with HMAC-SHA-256. A previous key may be given, which still verifies and no longer
// signs. Nothing in a token's header chooses a key or an algorithm.
//
// Registration is open or closed. Who runs the server becomes its owner through a one-time link (C8.8),
// whether anybody has registered before or not.
package auth
