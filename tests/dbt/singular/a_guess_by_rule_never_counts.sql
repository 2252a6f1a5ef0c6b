-- Users and possible users have a person entitled whose name a reviewer put into the list with that certainty.
with

reviewed as (

    select
        {{ normalised_name('person_entitled') }} as normalised_name,
        certainty
    from {{ ref('person_entitled_adjusted') }}
    where certainty in ('certain', 'possible')

),

holders_reviewed as (

    select
        holders.company_number,
        reviewed.certainty
    from {{ ref('int_chargeholders') }} as holders
    inner join reviewed
        on {{ normalised_name('holders.person_entitled') }} = reviewed.normalised_name

),

guessed_matches as (

    select
        matches.company_number,
        'match' as what,
        matches.certainty
    from {{ ref('int_chargeholders_matched') }} as matches
    left join reviewed
        on
            matches.normalised_name = reviewed.normalised_name
            and matches.certainty = reviewed.certainty
    where matches.certainty in ('certain', 'possible') and reviewed.normalised_name is null

),

guessed_companies as (

    select
        companies.company_number,
        companies.invoice_finance_status as what,
        holders_reviewed.certainty
    from {{ ref('int_users_and_possible_users') }} as companies
    left join holders_reviewed
        on
            companies.company_number = holders_reviewed.company_number
            and holders_reviewed.certainty
            = case companies.invoice_finance_status when 'user' then 'certain' else 'possible' end
    where holders_reviewed.company_number is null

)

select * from guessed_matches
union all
select * from guessed_companies
