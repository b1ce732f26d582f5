-- Gives a lock to the first client in its queue that lives, or deletes it. Returns two values: the token if that client is `me`, else nil; and
-- whether any client has the lock now. `me` gets no message. `sync`: as for next_token. The order matters: leave the queue, sync the counter,
-- write the lock, publish last. The message: token, first foreign ticket, lock. Waiters below that ticket may follow, with the next 15 tokens.
-- If `followers` is given, that many tokens are drawn for the waiters of `me` that follow.
-- While a slot moves to another node of a cluster, a script may not look at keys that are not here, not even at keys that it has just emptied.
-- So the queue counts as empty after that error, and after any error once something was written.
local FOLLOWERS = 15
local function grant_next(lock, queue, counter, sync, me, followers)
  local token, text
  while true do
    local head = redis.pcall('ZPOPMIN', queue)
    if head.err and not token and not string.find(head.err, 'non local key', 1, true) then redis.call('ZPOPMIN', queue) end
    local client = head[1]
    if not client then
      redis.call('DEL', lock)
      return nil, false
    end
    if not token then
      token = next_token(counter, sync, client ~= me and FOLLOWERS or followers)
      text = digits(token)
    end
    redis.call('SET', lock, 'grant:' .. client .. ':' .. text, 'PX', '2000')
    if client == me then return token, true end
    local foreign = redis.pcall('ZRANGE', queue, '0', '0', 'WITHSCORES')[2]
    -- Tickets come from the counter, too.
    if not foreign or tonumber(foreign) > token + FOLLOWERS then foreign = digits(token + FOLLOWERS + 1) end
    -- In a cluster, a client's id begins with 's', and only a channel of the lock's own slot proves that the client is there.
    local sharded = string.byte(client) == 115
    local channel = (sharded and string.match(queue, '^mlr!%b{}') or 'mlr!') .. 'c:' .. client
    local received = redis.pcall(sharded and 'SPUBLISH' or 'PUBLISH', channel, text .. ':' .. foreign .. ':' .. lock)
    if type(received) ~= 'number' then
      redis.pcall('ZADD', queue, head[2], client)
      redis.pcall('PEXPIRE', queue, '60000')
      redis.call('DEL', lock)
      return nil, false
    end
    -- Nobody received the message: that client is gone.
    if received > 0 then return nil, true end
  end
end
