// Package cluster makes one bus of two, Redis and the database's notifications ([Bus]), and keeps the registry
// of nodes ([Registry]).
//
// A node listens to both paths always. It publishes to Redis while its Redis is up, else to the database; to
// both while another node's Redis is away, which that node says over the database every second and which is
// remembered for three. What is urgent, removals and ended logins, goes to both always: a Redis that hangs is noticed
// after 1.5 s, and they are promised within one. An envelope that comes over both is heard twice, which the hub does
// not mind.
//
// # Why nothing is missed
//
// Every envelope is published after its change was committed. So whoever is told "anything may have been missed"
// (lost) and then compares itself with the store, sees every change whose envelope was published before it was
// told. What has to be shown is that for every envelope which a node Y did not hear from a node X, Y is told
// soon afterwards. Each path tells Y by itself when it is connected again, and when X connects again to a path
// on which it could not hand something over. That is late: the path may stay away for hours while the other one
// works. Hence X says "gap" on the path that it now turns to, after it has turned: what I published before this
// may not have come to you. Whoever hears a gap takes it for lost(nil).
//
//   - X's Redis is down, Y's is up. What X published to Redis between the break and its notice of it is lost.
//     X turns to the database and says gap there. Y hears it over the database.
//   - Y's Redis is down, X's is up. X goes on publishing to Redis alone until it hears that Y's is away, within
//     about a second. Then it turns to both and says gap on the database, which Y hears. When X has not heard of
//     it for three seconds, it forgets; when it hears of it again, it says gap again.
//   - Y has no Redis at all. It says that its own is away, as if it had one, as long as there are others.
//   - Both are down. Both publish to the database, and both have said gap there.
//   - They come back at different moments. X's Redis comes back first: X says gap on Redis, for those whom the
//     database did not reach, and publishes to both, since Y still says that its own is away. Y's comes back: its
//     Redis tells it lost(nil) once it is subscribed to all again, and only then is it up and Y silent about it.
//     X publishes to Redis throughout, so that it does not matter when it stops publishing to the database.
//   - The database's notifications are away as well, at X or at Y. X publishes where Redis is up; if it is not, what
//     it wanted to publish is kept as lost by the database's path and told when that connects again, or by the
//     gap on Redis if that comes first. Y is told by whichever of its paths comes back. Until then nothing can
//     reach it: it is alone, knows so, and the hub compares it with the store several times a second ([Bus.Degraded]).
//   - A gap or a word about Redis is itself lost. Then the path tells the loss of their topic, which is taken for a
//     gap; and Y says that its Redis is away again a second later.
//   - X does not publish, because it believed to be the only node. A new node says hello, and a node that stood
//     still says it again; whoever thought itself alone until then says gap. If the hello is lost, the registry
//     shows the node within a heartbeat, and the gap is said then.
//
// The one thing that no notice repairs is a Redis that carries envelopes to some and not to others while
// everybody's probes come back (two halves of a Redis cluster). The hub's comparison every few seconds does.
package cluster
