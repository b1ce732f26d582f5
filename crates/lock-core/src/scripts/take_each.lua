-- Take for a node of a cluster: the locks are of several slots, so the command names no key. That is allowed to scripts as long as the node
-- has them all; one that it does not have is an error of that lock.
-- ARGV  1 whether any of the calls can see its token ('1' or '0'); then per lock: the lock key, its queue, and, with tokens, its slot's
--       counter; then 2 per lock: owner, lease in ms.
-- Reply as of take; 1 in place of a token without tokens.
local try, reply = redis.pcall, {1}
local fenced = ARGV[1] == '1'
local stride = fenced and 3 or 2
local count = (#ARGV - 1) / (stride + 2)
for n = 1, count do
  local names, terms = 2 + stride * (n - 1), 2 * n + stride * count
  local held, answer = try('SET', ARGV[names], ARGV[terms], 'NX', 'PX', ARGV[terms + 1]), 0
  if held and held.err then
    answer = held
  elseif held then
    local waited = try('EXISTS', ARGV[names + 1])
    if type(waited) == 'table' then
      answer = waited
    elseif waited == 0 then
      local token = not fenced or try('INCRBY', ARGV[names + 2], '1')
      answer = token == true and 1 or type(token) == 'number' and token >= 1e15 and token or 0
    end
    -- Nothing is rolled back by itself.
    if type(answer) == 'table' or answer == 0 then redis.call('DEL', ARGV[names]) end
  end
  reply[n + 1] = answer
end
return reply
