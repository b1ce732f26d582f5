-- Who polls a key slowly finds it free only by chance, while those who hand it on to each other keep it busy. So on a key that is polled they
-- keep it for a turn, and then leave it alone until somebody else has had it, or for a while. The mark says since when: '1', or
-- '@<when our turn ends>@<until when the key is left alone then>@<how often in a row nobody came>', in ms since 1970 by the server's clock.
local TURN_MS, REST_MS = 60, 1120

-- Whether a waiter may take the free lock now. The turn of all who look at the mark begins with the first of them.
local function may_take(polled)
  local mark = redis.call('GET', polled)
  if not mark then return true end
  local now = now_ms()
  local turn, rest, vain = string.match(mark, '^@(%d+)@(%d+)@(%d)$')
  if turn and now < tonumber(turn) then return true end
  if turn and now < tonumber(rest) then return false end
  vain = turn and math.min(vain + 1, 3) or 0
  turn = now + TURN_MS * 2 ^ vain
  redis.call('SET', polled, string.format('@%.0f@%.0f@%.0f', turn, turn + REST_MS / 2 ^ vain, vain), 'KEEPTTL')
  return true
end

-- The lock is held. `over`: by somebody who hands it on to us. `polls`: the caller waits without a queue.
local function mark_polled(polled, over, polls)
  if not over then
    redis.pcall('SET', polled, '1', 'PX', '30000')
  elseif polls and not redis.pcall('SET', polled, '1', 'NX', 'PX', '30000') then
    redis.pcall('PEXPIRE', polled, '30000')
  end
end
