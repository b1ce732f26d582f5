-- Who polls a key slowly finds it free only by chance, while those who hand it on to each other keep it busy. So on a key that is polled they
-- keep it for a turn, and then leave it alone for a while. The mark says for whom, and since when: '+' for our own who poll, anything else for
-- those who know nothing of us and poll more slowly; then '@<when our turn ends>@<until when the key is left alone then>@<how often in a row
-- nobody came>', in ms since 1970 by the server's clock.
-- Whoever comes ends our turn and what follows it; how long to wait for that is shortened each time that nobody does.
local TURN_MS, REST_MS = 60, 1120
local OWN_TURN_MS, OWN_REST_MS = 200, 250

-- Whether a waiter may take the free lock now. The turn of all who look at the mark begins with the first of them. `polls`: the caller waits
-- without a queue.
local function may_take(polled, polls)
  local mark = redis.call('GET', polled)
  if not mark then return true end
  local own = string.byte(mark) == 43
  if own and polls then return true end
  local now = now_ms()
  local turn, rest, vain = string.match(mark, '^%+?@(%d+)@(%d+)@(%d)$')
  if turn and now < tonumber(turn) then return true end
  if turn and now < tonumber(rest) then return false end
  if own then
    turn, vain = now + OWN_TURN_MS, 0
    rest = turn + OWN_REST_MS
  else
    vain = turn and math.min(vain + 1, 3) or 0
    turn = now + TURN_MS * 2 ^ vain
    rest = turn + REST_MS / 2 ^ vain
  end
  redis.call('SET', polled, string.format('%s@%.0f@%.0f@%.0f', own and '+' or '', turn, rest, vain), 'KEEPTTL')
  return true
end

-- The lock is held. `over`: by somebody who hands it on to us, or polls as we do. `polls`: the caller waits without a queue.
local function mark_polled(polled, over, polls)
  if not over then
    redis.pcall('SET', polled, '1', 'PX', '30000')
  elseif polls and not redis.pcall('SET', polled, '+', 'NX', 'PX', '30000') then
    redis.pcall('PEXPIRE', polled, '30000')
  end
end
