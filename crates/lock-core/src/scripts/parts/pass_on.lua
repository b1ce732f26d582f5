-- Gives a lock to the first client in its queue that lives, or deletes it. Returns the token when that client is `me`, which learns of it
-- by the reply, and then whether anybody has it. `raise`: as for next_token. The order matters: leave the queue, raise the counter, write the lock, publish last.
-- The message has the token, for those who may follow without a word the ticket that they have to come before (their tokens are the next 15), and the lock.
local FOLLOWERS = 15
local function pass_on(lock, queue, counter, raise, me)
  local token, text
  while true do
    local head = redis.call('ZPOPMIN', queue)
    if not head[1] then
      redis.call('DEL', lock)
      return nil, false
    end
    if not token then
      token = next_token(counter, raise)
      text = string.format('%.0f', token)
    end
    if head[1] ~= me then redis.call('SET', counter, string.format('%.0f', token + FOLLOWERS)) end
    redis.call('SET', lock, 'grant:' .. head[1] .. ':' .. text, 'PX', 2000)
    if head[1] == me then return token, true end
    local other = tonumber(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2])
    -- Tickets are drawn from the counter, too.
    local horizon = math.min(other or math.huge, token + FOLLOWERS + 1)
    -- In a cluster, the name of a client begins with 's', and only a channel of the lock's own slot proves that it is there.
    local sharded = string.byte(head[1]) == 115
    local channel = (sharded and string.match(queue, '^mlr!%b{}') or 'mlr!') .. 'c:' .. head[1]
    local received = redis.pcall(sharded and 'SPUBLISH' or 'PUBLISH', channel, text .. ':' .. string.format('%.0f', horizon) .. ':' .. lock)
    if type(received) ~= 'number' then
      redis.call('ZADD', queue, head[2], head[1])
      redis.call('PEXPIRE', queue, 60000)
      redis.call('DEL', lock)
      return nil, false
    end
    -- Nobody there: that client is gone.
    if received > 0 then return nil, true end
  end
end
